"""What makes and checks the project. Nothing of it is shipped."""
