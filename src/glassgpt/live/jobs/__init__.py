"""Jobs: what a page is told beside its frames, computed in short slices between training steps."""
