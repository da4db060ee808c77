from hilevel.visualization.boxes import draw_bounding_boxes as draw_bounding_boxes
from hilevel.visualization.classification import (
    plot_confusion_matrix as plot_confusion_matrix,
    plot_predictions as plot_predictions,
)
from hilevel.visualization.comparison import plot_histories as plot_histories
from hilevel.visualization.embeddings import plot_embeddings as plot_embeddings
from hilevel.visualization.galleries import (
    plot_bounding_box_gallery as plot_bounding_box_gallery,
    plot_image_gallery as plot_image_gallery,
    plot_segmentation_mask_gallery as plot_segmentation_mask_gallery,
)
from hilevel.visualization.masks import draw_segmentation_masks as draw_segmentation_masks
from hilevel.visualization.networks import (
    plot_feature_maps as plot_feature_maps,
    plot_filters as plot_filters,
)
