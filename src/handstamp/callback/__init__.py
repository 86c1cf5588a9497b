"""The way back from the browser: a listener on loopback, the page that it ends with, and the browser itself."""
