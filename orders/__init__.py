"""Orders in progress: catalogue, suppliers, confirmation, shipping notices, parcels that are watched.

A later chapter: so far only its place among the floors is fixed."""
