"""What the gates are made of: their catalogue, their environments, and the programs that some of them run."""
