"""What each verb does, one room a verb; the command line only parses and prints."""
