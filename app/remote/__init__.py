"""Requests from this node to servers outside, each bounded in time and size, and only to where it may go."""
