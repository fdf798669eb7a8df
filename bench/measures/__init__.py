"""The measurements, by what they are about. Each function returns the rows of the table that it fills."""
