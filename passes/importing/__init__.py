"""From a file as exporters write it to the graph that everything else works on."""
