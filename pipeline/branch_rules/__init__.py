"""What the forge has to enforce beside the pipeline: protected branches, required reviews, guarded environments."""
