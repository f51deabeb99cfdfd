"""Tables and files of designs for people."""
