"""From a bare Python to a running lab, with the standard library only: nothing else is installed yet."""
