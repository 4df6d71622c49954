"""What is known of families, hosts and models, as rows with their sources, and the names that reasoning goes by."""
