"""Answering over HTTP: requests gathered into batches, pictures bounded before they are decoded."""
