"""Every verb and every transaction of the domain; entry points act through these functions only."""
