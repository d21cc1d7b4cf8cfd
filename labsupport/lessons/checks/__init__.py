"""The checks of the exercises, one module for each notebook: they run the learner's code for real."""
