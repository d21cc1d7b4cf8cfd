"""The course as a learner meets it: in JupyterLab, in a real browser, by keyboard."""
