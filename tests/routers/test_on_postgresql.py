"""The rim on PostgreSQL: what goes through every kind of call there is, asked again of a node on that engine.

All that the registry asks of a database is asked on both engines by its own tests.
"""

from collections.abc import Iterator

import pytest

from tests.routers.conftest import node_on
from tests.routers.test_access import test_tokens_end_with_any_change_of_the_client
from tests.routers.test_agencies import (
    key,
    test_a_change_needs_the_version_it_was_made_for,
    test_a_key_is_good_for_one_request_of_one_client_only,
    test_an_agency_is_registered_and_found_under_each_of_its_codes,
    test_the_same_request_many_times_at_once_acts_once,
)
from tests.routers.test_certificates import (
    test_a_certificate_is_registered_listed_and_revoked,
    test_a_revocation_list_is_taken_in,
)
from tests.routers.test_clients import test_a_client_is_created_and_its_secret_shown_once
from tests.routers.test_oauth import (
    known,
    of_office,
    office,
    pki,
    sealed,
    test_a_client_signs_in_with_the_key_of_a_registered_certificate,
    test_an_assertion_is_taken_once,
    test_wrong_claims_are_refused,
)
from tests.routers.test_operation import test_a_healthy_node_says_so
from tests.routers.test_reorganisations import (
    test_a_plan_is_tried_and_then_carried_out,
    test_a_plan_takes_effect_when_its_day_has_come,
    test_an_agency_is_shown_as_it_was_on_a_day,
    test_scheduled_plans_are_listed_and_taken_back,
)
from tests.support.node import RunningNode

__all__ = [
    "key",
    "known",
    "of_office",
    "office",
    "pki",
    "sealed",
    "test_a_certificate_is_registered_listed_and_revoked",
    "test_a_change_needs_the_version_it_was_made_for",
    "test_a_client_is_created_and_its_secret_shown_once",
    "test_a_client_signs_in_with_the_key_of_a_registered_certificate",
    "test_a_healthy_node_says_so",
    "test_a_key_is_good_for_one_request_of_one_client_only",
    "test_a_plan_is_tried_and_then_carried_out",
    "test_a_plan_takes_effect_when_its_day_has_come",
    "test_a_revocation_list_is_taken_in",
    "test_an_agency_is_registered_and_found_under_each_of_its_codes",
    "test_an_agency_is_shown_as_it_was_on_a_day",
    "test_an_assertion_is_taken_once",
    "test_scheduled_plans_are_listed_and_taken_back",
    "test_the_same_request_many_times_at_once_acts_once",
    "test_tokens_end_with_any_change_of_the_client",
    "test_wrong_claims_are_refused",
]


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """The node of this module."""
    with node_on("postgresql", request, tmp_path_factory.mktemp("node-postgresql")) as running:
        yield running
