"""The floor: the least a Python service does with an order-sign call. It parses the body and returns one fixed card."""

import orjson
from fastapi import FastAPI, Request, Response

CARD = orjson.dumps(
    {"cards": [{"summary": "Une carte fixe", "indicator": "info", "source": {"label": "plancher"}, "detail": "Rien n'est évalué."}]}
)
app = FastAPI()


@app.post("/cds-services/imagerie-pertinence")
async def call(request: Request) -> Response:
    """Parse and answer."""
    orjson.loads(await request.body())
    return Response(CARD, media_type="application/json")
