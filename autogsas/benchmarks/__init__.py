"""How good a search is: the best Rwp against trials and seconds, over seeds, beside other engines and spaces."""
