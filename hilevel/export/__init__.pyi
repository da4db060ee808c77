from hilevel.export.model import export_model as export_model
