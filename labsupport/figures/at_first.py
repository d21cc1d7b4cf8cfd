"""What has to be so before Matplotlib is imported: what goes wrong then is told in a sentence, or not."""

import logging

from IPython.core.getipython import get_ipython

from labsupport.sentences import speak_plainly

# It warns of a home that it cannot write to, and manages.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
if shell := get_ipython():  # a notebook without Redis calls no start_lab, but draws
    speak_plainly(shell)
