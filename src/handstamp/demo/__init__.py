"""A small world to sign in to: an authorization server, a protected MCP server and a visitor that presses the buttons."""
