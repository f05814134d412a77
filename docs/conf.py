"""How Sphinx makes the documentation of the site: `sphinx-build -W docs public/docs`."""

project = "GlassGPT"
author = "The GlassGPT authors"
extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3
# links that lead out of docs/ are for readers of the source; on the site they lead nowhere
suppress_warnings = ["myst.xref_missing", "myst.header"]
html_theme = "furo"
html_title = "GlassGPT"
html_favicon = "../web/public/icon.svg"
html_copy_source = False
html_show_sphinx = False
exclude_patterns = ["log.md"]
