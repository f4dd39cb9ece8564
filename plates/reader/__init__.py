"""What does this plate say? CNN, GRU and CTC over the columns of a crop."""
