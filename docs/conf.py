"""Settings of the pages: ``.ci/docs FOLDER`` builds them, with every warning an error."""

import sys
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import fastce  # noqa: E402

matplotlib.use("agg")

project = "fastce"
author = "The fastce developers"
copyright = author
version = release = fastce.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "matplotlib.sphinxext.plot_directive",
    "mathml",
    "stored_inventories",
]
exclude_patterns = ["_build", "examples", "extensions", "inventories", "measured"]
templates_path = ["_templates"]
highlight_language = "none"  # of formulas in docstrings; sessions are seen as such
default_role = "autolink"  # a link where the name is known, as in the docstrings
nitpicky = True
today_fmt = "%Y-%m-%d"

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say the types
numpydoc_show_class_members = False  # the template of a class lists them
numpydoc_xref_param_type = False
add_module_names = False
toc_object_entries_show_parents = "hide"

# The inventories of the web come first; where it cannot be reached, what `inventories/` holds: the
# names that these pages link to.
intersphinx_mapping = {
    name: (url, (None, f"_build/inventories/{name}.inv"))
    for name, url in {
        "numpy": "https://numpy.org/doc/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "sklearn": "https://scikit-learn.org/stable/",
    }.items()
}
intersphinx_timeout = 5

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("fastce",),
    "reference_url": {"fastce": None},
    "abort_on_example_error": True,
    "capture_repr": (),
    "remove_config_comments": True,
    "min_reported_time": 1,
    "show_memory": False,
    "write_computation_times": False,  # its page loads scripts from the web
    "matplotlib_animations": False,
    "within_subsection_order": "gallery_order.Lesson",
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "show_signature": False,
}
plot_formats = [("svg", 100)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"svg.fonttype": "path"}

html_theme = "pydata_sphinx_theme"
html_title = f"fastce {release}"
html_static_path = ["_static"]
html_css_files = ["fastce.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "fastce"},
    "navigation_with_keys": False,
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {"coming_from_*": [], "numerics": [], "measured": [], "index": []}
