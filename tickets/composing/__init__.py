"""What is looked at before a message leaves."""
