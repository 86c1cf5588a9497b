"""Connections to MCP servers, and how they stand: what a program of ours that talks to them sees."""
