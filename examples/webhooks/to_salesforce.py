r"""Each licence as a record in Salesforce, which is made or changed by its number.

An object Licence__c with an external id Number__c is made once, with the fields below.
To write by the external id is the same whether it is done once or twice.

    SALESFORCE=https://example.my.salesforce.com SALESFORCE_TOKEN_FILE=token \
    WEBHOOK_SECRET_FILE=secret python examples/webhooks/to_salesforce.py
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from receiver import events_to

OBJECT = "/services/data/v61.0/sobjects/Licence__c/Number__c"


def tell(event: dict[str, Any]) -> None:
    """Write the licence of an *event*; the one that it replaces is replaced from now on."""
    licence = event["data"].get("license")
    if licence is None:
        return
    fields = {
        "State__c": licence["state"],
        "Customer__c": licence["customer"],
        "Product__c": licence["product"],
        "Plan__c": licence["plan"],
        "Contract__c": licence["contract"],
        "Host__c": licence["host"]["name"],
        "Expires__c": licence["expires_at"],
        "Replaces__c": licence["replaces"],
    }
    token = Path(os.environ["SALESFORCE_TOKEN_FILE"]).read_text("ascii").strip()
    with httpx.Client(
        base_url=os.environ["SALESFORCE"], headers={"Authorization": f"Bearer {token}"}
    ) as client:
        for number, values in (
            (licence["id"], fields),
            (licence["replaces"], {"State__c": "replaced"}),
        ):
            if number is not None:
                client.patch(f"{OBJECT}/{quote(number)}", json=values).raise_for_status()


if __name__ == "__main__":
    events_to(tell)
