"""Versions: what was read is what is changed."""

from servicedesk.models import WebhookEndpoint


def path(endpoint):
    return f"/api/v1/webhooks/{endpoint['id']}/"


def test_a_row_has_a_strong_etag_and_an_unchanged_one_is_not_sent_again(api, endpoint):
    answer = api.get(path(endpoint))
    assert answer["ETag"] == '"v1"'
    for tag in ('"v1"', 'W/"v1"', '"v1-gzip"', '"x", "v1"', "*"):
        again = api.get(path(endpoint), headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", '"v1"')
    assert api.get(path(endpoint), headers={"If-None-Match": '"v0"'}).status_code == 200


def patch(api, endpoint, body, tag):
    return api.patch(path(endpoint), body, content_type="application/json", headers={"If-Match": tag})


def test_a_change_raises_the_version(api, endpoint):
    answer = patch(api, endpoint, {"state": "paused"}, '"v1"')
    assert (answer.status_code, answer["ETag"], answer.json()["state"]) == (200, '"v2"', "paused")


def test_a_stale_change_does_nothing(api, endpoint):
    patch(api, endpoint, {"state": "paused"}, '"v1"')
    for tag in ('"v1"', 'W/"v2"', "v2", ""):
        answer = patch(api, endpoint, {"state": "active"}, tag)
        assert (answer.status_code, answer.json()["code"]) == (412, "stale"), tag
    assert WebhookEndpoint.objects.get().state == "paused"
    assert patch(api, endpoint, {"state": "active"}, '"v1", "v2"').status_code == 200
    assert patch(api, endpoint, {"state": "paused"}, "*").status_code == 200


def test_a_tag_that_a_compressing_proxy_marked_is_known(api, endpoint):
    assert patch(api, endpoint, {"state": "paused"}, '"v1-zstd"').status_code == 200
    assert patch(api, endpoint, {"state": "active"}, '"v1-gzip"').status_code == 412
    assert patch(api, endpoint, {"state": "active"}, '"v2-gzip"').status_code == 200


def test_an_action_and_a_removal_compare_as_well(api, post, endpoint):
    patch(api, endpoint, {"state": "paused"}, '"v1"')
    assert post(path(endpoint) + "rotate-secret/", If_Match='"v1"').status_code == 412
    assert api.delete(path(endpoint), headers={"If-Match": '"v1"'}).status_code == 412
    assert api.delete(path(endpoint), headers={"If-Match": '"v2"'}).status_code == 204


def test_what_was_changed_only_in_part_keeps_the_rest(api, endpoint):
    answer = patch(api, endpoint, {"kinds": ["clock.*"]}, "*")
    assert (answer.json()["kinds"], answer.json()["url"]) == (["clock.*"], endpoint["url"])


def test_a_creation_says_where_it_is_and_in_which_version(post):
    answer = post("/api/v1/webhooks/", {"url": "https://example.com/", "kinds": ["*"]})
    assert answer["Location"].endswith(f"/api/v1/webhooks/{answer.json()['id']}/")
    assert answer["ETag"] == '"v1"'


def test_answers_are_not_kept_by_shared_caches(api, endpoint):
    answer = api.get(path(endpoint))
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= {part.strip() for part in answer["Vary"].split(",")}
