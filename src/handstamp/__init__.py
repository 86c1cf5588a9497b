"""Sign in once, stay signed in, to every MCP server."""
