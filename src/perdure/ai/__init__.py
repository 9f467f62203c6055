"""The wire of models, embedders, analysers and the index. Knows nothing of Temporal. The extra ``review``."""
