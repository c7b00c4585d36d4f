"""PyPI aiomoqt as a peer of the matrix: `publish|subscribe URL DRAFT BROADCAST`; see interop/lab/wire.py for stdin and stdout."""

import asyncio
import base64
import json
import sys
import urllib.parse

from aiomoqt.client import MOQTClient
from aiomoqt.track import PublishedTrack, SubscribedTrack
from aiomoqt.types import FilterType, MOQTRequestError, ObjectStatus


async def lines():
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


class Fed(PublishedTrack):
    """A track whose objects come over stdin."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.queue = asyncio.Queue()

    async def produce(self, out):
        group, index = None, 0
        while True:
            frame = await self.queue.get()
            begins = frame["group"] != group
            group, index = frame["group"], 0 if begins else index + 1
            await out.write(group, index, base64.b64decode(frame["data"]), group_start=begins)


async def publish(session, path):
    print("{}", flush=True)
    tracks, newest, announced = {}, {}, False
    flowing = {"catalog.json"}  # Whatever nobody asked for is over, but for the catalog.
    async for frame in lines():
        name = frame["track"]
        if "data" not in frame:
            tracks[name] = Fed(session, namespace=path, trackname=name, auth_token=b"")
            tracks[name].attach()
            continue
        if not announced:
            await session.publish_namespace(path, wait_response=True)
            announced = True
        begins, newest[name] = newest.get(name) != frame["group"], frame["group"]
        if begins and tracks[name].producing:
            flowing.add(name)
        if name in flowing:
            tracks[name].queue.put_nowait(frame)


def printer(name):
    def take(message, size, received, group=None, subgroup=None):
        if group is None:
            group = message.group_id
        if getattr(message, "status", ObjectStatus.NORMAL) in (None, ObjectStatus.NORMAL) and message.payload is not None:
            data = base64.b64encode(bytes(message.payload)).decode()
            print(json.dumps({"track": name, "group": group, "index": message.object_id, "data": data}), flush=True)

    return take


async def join(session, path, name):
    """What there is of a track, which may have been written long ago, and what comes. A relay refuses what nobody publishes yet."""
    while True:
        try:
            return await session.join(path, name, wait_response=True, on_object=printer(name))
        except MOQTRequestError:
            await asyncio.sleep(0.1)


async def subscribe(session, path):
    kept = []
    async for asked in lines():
        name = asked["track"]
        if name == "catalog.json":
            session.on_fetch_object = printer(name)
            await join(session, path, name)
            continue
        track = SubscribedTrack(session, path, name, on_object=printer(name))
        kept.append(track)
        await track.subscribe(filter_type=FilterType.NEXT_GROUP_START)


async def main():
    role, url, draft, path = sys.argv[1:]
    at = urllib.parse.urlparse(url)
    client = MOQTClient(at.hostname, at.port, path="/", use_quic=at.scheme == "moqt", verify_tls=False, supported_drafts=int(draft))
    async with client.connect() as session:
        await session.client_session_init()
        await {"publish": publish, "subscribe": subscribe}[role](session, path)


asyncio.run(main())
