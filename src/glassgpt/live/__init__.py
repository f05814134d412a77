"""A run shown on a page: commands, jobs, frames and messages."""
