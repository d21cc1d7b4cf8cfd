"""The capstone: a platform's caching, designed by the learner, lives through a morning with an outage."""
