"""The desk's doors: thin. They read through `visible_to`, act through `tickets.actions`, and render fragments."""
