"""PyPI moq-rs as a peer of the matrix: `publish|subscribe URL FINGERPRINT BROADCAST`; see interop/lab/wire.py for stdin and stdout.

As a publisher it reads fragmented MP4, as `moq import fmp4` does.
"""

import asyncio
import base64
import json
import sys

import moq

# The lab decides what is too old, not the peer.
PATIENCE = moq.Subscription(max_age_us=20_000_000)


async def stdin():
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def publish(client, path):
    """Fragmented MP4 of stdin through its own importer, which would not let others write a catalog."""
    broadcast = client.create_broadcast(path)
    container = broadcast.publish_container_stream(moq.ContainerFormat.FMP4)
    broadcast.announce()
    print("{}", flush=True)
    reader = await stdin()
    while chunk := await reader.read(1 << 16):
        container.write(chunk)


async def read(broadcast, name):
    track = await broadcast.subscribe_track(name, PATIENCE)
    async for group in track:
        index = 0
        async for frame in group:
            data = base64.b64encode(frame.payload).decode()
            print(json.dumps({"track": name, "group": group.sequence, "index": index, "data": data}), flush=True)
            index += 1


async def subscribe(client, path):
    broadcast = await client.announced_broadcast(path)
    reading = []
    reader = await stdin()
    while line := await reader.readline():
        reading.append(asyncio.create_task(read(broadcast, json.loads(line)["track"])))


async def main():
    role, url, fingerprint, path = sys.argv[1:]
    websocket = url.startswith("ws")
    async with moq.connect(url, tls_fingerprints=[fingerprint], websocket_enabled=websocket) as client:
        await {"publish": publish, "subscribe": subscribe}[role](client, path)


asyncio.run(main())
