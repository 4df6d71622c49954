"""What of a request matters besides its history: the thinking switch, and the choice of tools."""
