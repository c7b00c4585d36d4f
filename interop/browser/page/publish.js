// Publishes the camera and the microphone with @moq/publish. `?url=` is the relay, `&name=` the broadcast.
import "@moq/publish/element";

const query = new URLSearchParams(location.search);
const publish = document.querySelector("moq-publish");
publish.name = query.get("name") ?? "camera.hang";
publish.url = query.get("url") ?? "http://localhost:4443/";
publish.source = "camera";

publish.signals.run((effect) => {
  document.getElementById("status").textContent = effect.get(publish.connection.status);
});
