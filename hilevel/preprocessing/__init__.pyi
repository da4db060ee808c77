from hilevel.preprocessing import sequence as sequence
