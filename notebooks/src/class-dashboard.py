# %% [markdown]
# # The room is the fleet: the instructor's dashboard
#
# **You will see** your learners' notebooks race each other on one counter, live, and which exercises they fail at.
# **Time** 10 minutes of a class. **You need** a running workshop (`python3 -m labsupport workshop`). Its hub sets `LAB_INSTRUCTOR_URL` for you; in a lab of your own take the line from `instructor.txt`. Without it
# this is a rehearsal: four real processes run what a learner's cell runs.
#
# In a class run the cells one by one, since two of them give the signal. First, who is there?

# %%
from labsupport import random_orders
from labsupport.figures import bars, panels, show
from labsupport.figures.classroom import failures, headline, room
from labsupport.lessons import check_order, check_ttl_for_rate
from labsupport.workshop import open_dashboard

dashboard = open_dashboard()

# %% [markdown]
# ## Project this
#
# The picture follows the room: how many are here, what they have sent, what the counter says. Let everybody run the cell under "The room is the fleet" in notebook 06, until the number at the right is the number of people. Both buttons
# give the signal; a second later the race begins for all of them. The cells further down do the same. On the wall show no more than this picture: what stands below gives the answer away.

# %%
dashboard.live()

# %% [markdown]
# ## Before the signal
#
# Ask: everybody adds 200 to one counter, by GET and SET. What share will it keep? Let each write a number down. They know two processes from notebook 06, and four. Here is what chance alone would keep:

# %%
by_chance = {n: random_orders(clients=n, increments=200, runs=20, seed=6).mean() / (200 * n) for n in (2, 4, 10, 30)}
figure, (ax,) = panels(height=2)
ax.set_title("The more clients, the larger the part they lose")
show(figure, bars(ax, {f"{n} clients keep": share for n, share in by_chance.items()}, {}, form="{:.0%}"))
assert by_chance[2] > by_chance[4] > by_chance[10] > by_chance[30] and round(by_chance[30], 2) == 0.06

# %% [markdown]
# Show this one afterwards. A real room owes that law nothing: notebooks on one busy machine take turns and so keep more.
#
# ## First signal: GET+SET
#
# Start it with the button, or with this cell:

# %% tags=["measured"]
get_set = dashboard.race("get_set")
figure, (ax,) = panels(width=8, height=2.8)
ax.set_title(headline([get_set]), fontsize=15)
show(figure, room(ax, [get_set]))
assert 1 <= get_set.counter <= get_set.sent <= get_set.planned or not dashboard.rehearsal

# %% [markdown]
# Ask: whose increments are missing? Who got an error? Nobody did, and nobody can tell, Redis least of all: it did every GET and every SET. What was sent is known only because each notebook also counts its own, in one transaction with the
# SET.
#
# ## Second signal: INCR
#
# Before it, let somebody say why INCR should keep all of them. One sentence is enough: no gap between reading and writing. Then:

# %% tags=["measured"]
incr = dashboard.race("incr")
figure, (ax,) = panels(width=8, height=2.8)
ax.set_title("The same room: INCR lost none", fontsize=15)
show(figure, room(ax, [get_set, incr]))
assert incr.counter == incr.sent

# %% [markdown]
# What was sent and what the counter says agree at every moment of the race, not only at its end. So they do if somebody closes the laptop in the middle, or comes late: what they sent is counted, what they did not send is missed by nobody.
# Whoever was late takes part in what is left. For one more race press a button again and let everybody run their cell again.
#
# ## Which exercises fail most?
#
# A check that says "Not yet" also tells the class which exercise that was, and not whose. Stop where the bar grows, and let the room look at that exercise together. In the rehearsal this notebook hands in three wrong answers:

# %%
if dashboard.rehearsal:
    with dashboard.as_learner():
        check_order("ABABABABABAB")
        check_order("AABBAABBAABB")
        check_ttl_for_rate(10)
failed = dict(dashboard.look().failed)
figure, (ax,) = panels(height=2)
ax.set_title("Where the room is stuck")
show(figure, failures(ax, failed))
assert failed == {"order": 2, "ttl_for_rate": 1} or not dashboard.rehearsal

# %% [markdown]
# Exercises that nobody has tried do not count, and neither do right answers. The picture above shows the same. The dashboard ends with this notebook's kernel; opened again it goes on where it was, as long as the workshop runs.
