"""The edges: pushes, the widget's and the desk's API, health. They check, translate and call dispatch."""
