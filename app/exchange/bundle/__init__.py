"""Making evidence bundles: gathering what proves a document's life, and writing it as one file."""
