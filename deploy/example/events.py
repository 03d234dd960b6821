"""A small events API in the HAPI style: endpoints declared in code, its own OpenAPI document, no authentication at all.

It says in its document that a bearer token is wanted (`bearerAuth`) and leaves the asking to whoever stands in front of
it. To show what happened, its answers hold the subject headers that arrived.

    /usr/bin/python3 -m uvicorn --app-dir deploy/example events:api --port 8000
"""

import asyncio
import json
from datetime import datetime, timezone
from itertools import count
from typing import AsyncIterator, Dict, List, Optional, Set

from fastapi import APIRouter, FastAPI, File, Form, HTTPException, Request, Response, Security, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

ATTACHMENT_BYTES_MAX = 1024 * 1024  # kept in memory, so bounded
EVENTS_MAX = 1000

# Declares the scheme and checks nothing: auto_error is what would make FastAPI ask for the header.
bearer = HTTPBearer(scheme_name="bearerAuth", bearerFormat="Opaque", auto_error=False)

REFUSALS = {
    401: {"description": "No token, or one that is not valid"},
    403: {"description": "The token's rights do not cover this"},
}

api = FastAPI(
    title="Events",
    version="1.0.0",
    description="Guarded by whoever stands in front of it.",
    openapi_url="/api/doc/spec.json",
    docs_url=None,
    redoc_url=None,
)
# A redirect would name the host and the path as this process sees them, not as the client does.
api.router.redirect_slashes = False


class Subject(BaseModel):
    """Who asked, as the headers told us."""

    headers: Dict[str, str] = Field(description="Every X-Subject-* header of the request")
    credential_seen: bool = Field(description="Whether the client's Authorization header came through; it should not")


class Attachment(BaseModel):
    name: str
    media_type: str
    size: int


class Event(BaseModel):
    id: int
    title: str
    starts: datetime
    created_by: str
    attachment: Optional[Attachment] = None


class EventChange(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    starts: datetime


class EventList(BaseModel):
    events: List[Event]
    subject: Subject


class Statistics(BaseModel):
    events: int
    attachment_bytes: int
    listeners: int
    subject: Subject


class Diary:
    """All events, in memory, and the streams that want to hear of changes. Lives on one event loop."""

    def __init__(self) -> None:
        self.events: Dict[int, Event] = {}
        self.files: Dict[int, bytes] = {}
        self.listeners: Set["asyncio.Queue[str]"] = set()
        self._ids = count(1)

    def next_id(self) -> int:
        return next(self._ids)

    def find(self, event_id: int) -> Event:
        event = self.events.get(event_id)
        if event is None:
            raise HTTPException(404, "no such event")
        return event

    def tell(self, change: str, event_id: int) -> None:
        message = f"event: {change}\ndata: {json.dumps({'id': event_id})}\n\n"
        for listener in list(self.listeners):
            try:
                listener.put_nowait(message)
            except asyncio.QueueFull:  # it does not read: better to lose one listener than all memory
                self.listeners.discard(listener)


diary = Diary()


def subject_of(request: Request) -> Subject:
    return Subject(
        headers={name: value for name, value in sorted(request.headers.items()) if name.startswith("x-subject-")},
        credential_seen="authorization" in request.headers,
    )


def asker(request: Request) -> str:
    return request.headers.get("x-subject-id", "nobody")


@api.get("/health", tags=["health"])
async def health() -> Dict[str, str]:
    """Public: whether the API answers."""
    return {"status": "ok"}


events = APIRouter(prefix="/api/v1/events", tags=["events"], dependencies=[Security(bearer)], responses=REFUSALS)


@events.get("", response_model=EventList)
async def list_events(request: Request) -> EventList:
    return EventList(events=list(diary.events.values()), subject=subject_of(request))


@events.post("", response_model=Event, status_code=201)
async def create_event(
    request: Request,
    title: str = Form(..., min_length=1, max_length=200),
    starts: Optional[datetime] = Form(None),
    attachment: Optional[UploadFile] = File(None),
) -> Event:
    """Creates an event, with a file if one is sent (multipart/form-data)."""
    if len(diary.events) >= EVENTS_MAX:
        raise HTTPException(409, "the diary is full")
    content = b"" if attachment is None else await attachment.read(ATTACHMENT_BYTES_MAX + 1)
    if len(content) > ATTACHMENT_BYTES_MAX:
        raise HTTPException(413, "the file is too large")
    event = Event(
        id=diary.next_id(), title=title, starts=starts or datetime.now(timezone.utc), created_by=asker(request)
    )
    if attachment is not None:
        event.attachment = Attachment(
            name=attachment.filename or "file",
            media_type=attachment.content_type or "application/octet-stream",
            size=len(content),
        )
        diary.files[event.id] = content
    diary.events[event.id] = event
    diary.tell("created", event.id)
    return event


# Before /{event_id}: the first route that fits is taken.
@events.get("/stream", response_class=StreamingResponse)
async def stream_changes() -> StreamingResponse:
    """Server-sent events: one for every change, from now on."""
    listener: "asyncio.Queue[str]" = asyncio.Queue(maxsize=100)
    diary.listeners.add(listener)

    async def changes() -> AsyncIterator[str]:
        try:
            yield ": listening\n\n"
            while listener in diary.listeners:
                try:
                    yield await asyncio.wait_for(listener.get(), timeout=15)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
        finally:
            diary.listeners.discard(listener)

    return StreamingResponse(changes(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@events.get("/{event_id}", response_model=Event)
async def get_event(event_id: int) -> Event:
    return diary.find(event_id)


@events.get("/{event_id}/file", response_class=Response)
async def get_file(event_id: int) -> Response:
    event = diary.find(event_id)
    if event.attachment is None:
        raise HTTPException(404, "this event has no file")
    # Never the sender's media type: this API's own pages could then be made to run it.
    return Response(diary.files[event_id], media_type="application/octet-stream")


@events.put("/{event_id}", response_model=Event)
async def update_event(event_id: int, change: EventChange) -> Event:
    event = diary.find(event_id)
    event.title, event.starts = change.title, change.starts
    diary.tell("updated", event_id)
    return event


@events.delete("/{event_id}", status_code=204, response_class=Response)
async def delete_event(event_id: int) -> Response:
    diary.find(event_id)
    del diary.events[event_id]
    diary.files.pop(event_id, None)
    diary.tell("deleted", event_id)
    return Response(status_code=204)


admin = APIRouter(prefix="/api/v1/admin", tags=["admin"], dependencies=[Security(bearer)], responses=REFUSALS)


@admin.get("/statistics", response_model=Statistics)
async def statistics(request: Request) -> Statistics:
    return Statistics(
        events=len(diary.events),
        attachment_bytes=sum(map(len, diary.files.values())),
        listeners=len(diary.listeners),
        subject=subject_of(request),
    )


@admin.delete("/events", status_code=204, response_class=Response)
async def clear_events() -> Response:
    diary.events.clear()
    diary.files.clear()
    diary.tell("cleared", 0)
    return Response(status_code=204)


api.include_router(events)
api.include_router(admin)
