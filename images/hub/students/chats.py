"""Chat files as the page makes and reads them: through the contents API of the notebook server."""

from __future__ import annotations

from ssl import SSLContext

import httpx


async def create(
    url: str, token: str, path: str, headers: dict[str, str] | None = None, tls: SSLContext | None = None
) -> None:
    """Make an empty chat unless there is one; its folders too. `headers` take the place of the token's."""
    async with httpx.AsyncClient(
        base_url=f"{url.rstrip('/')}/api/contents/",
        headers=headers or {"Authorization": f"token {token}"},
        verify=tls or True,
        trust_env=False,
        timeout=30,
    ) as http:
        if (await http.get(path, params={"content": "0"})).status_code == httpx.codes.OK:
            return
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            if (await http.get(folder, params={"content": "0"})).status_code == httpx.codes.NOT_FOUND:
                (await http.put(folder, json={"type": "directory"})).raise_for_status()
        (await http.put(path, json={"type": "file", "format": "text", "content": ""})).raise_for_status()
