"""The animated fleet in a browser, of courses with hostile names: they are texts, and nothing happens."""

from __future__ import annotations

import pandas as pd

from labsupport.explorers.animation import AnimatedFleet, as_sent

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "'\"><script>alert(1)</script>",
    "</svg><b onclick=alert(1)>",
    "\u202e\x00&lt;i>",
]
PLAY = """async ([script, log]) => {
    const module = await import(URL.createObjectURL(new Blob([script], {type: "text/javascript"})));
    module.default.render({ model: { get: () => log }, el: document.body });
    const root = document.querySelector(".lab-fleet"), said = new Set(), names = new Set();
    const slider = root.querySelector("[type=range]");
    for (let event = 0; event <= log.at.length; event++) {
        slider.value = event;
        slider.dispatchEvent(new Event("input"));
        said.add(root.querySelector(".caption").textContent);
        for (const node of document.body.querySelectorAll("*"))
            names.add([node.localName, ...[...node.attributes].map(each => each.name)].join(" "));
    }
    return { said: [...said].join("\\n"), names: [...names].sort() };
}"""


def played(page, keys):
    """What the animation says of requests for these keys, and its elements with their attributes."""
    count = 2 * len(keys)
    log = {"at": [float(n) for n in range(count)], "instance": 0, "key": keys * 2, "hit": [False] * count}
    log = pd.DataFrame(log)
    return page.evaluate(PLAY, [AnimatedFleet._esm, as_sent(log, log, ttl=1)])


def test_no_element_of_the_animation_comes_from_a_key(browser):
    with browser.new_context(offline=True) as context, context.new_page() as page:
        trouble = []
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request", lambda request: trouble.append(request.url) if "blob:" not in request.url else None
        )
        harmless = played(page, ["a", "b", "c", "d"])
        page.reload()
        found = played(page, HOSTILE)
        assert found["names"] == harmless["names"] and len(found["names"]) > 10
        assert all(key[:3] in found["said"] for key in HOSTILE)
        assert trouble == []
