// What the runs ask of a page with <moq-watch>: put into the page by cases.py, as window.probe.
window.probe = (() => {
  const watch = document.querySelector("moq-watch");
  const small = new OffscreenCanvas(32, 18).getContext("2d", { willReadFrequently: true });
  let analyser;

  return {
    session() {
      const session = watch.connection.established.peek();
      return session && { transport: session.transport, version: session.version };
    },

    // The picture on the canvas as 32 x 18 bytes of luma, with its time in the broadcast; nothing without a picture.
    picture() {
      const timestamp = watch.renderer.out.timestamp.peek();
      const canvas = watch.querySelector("canvas");
      if (timestamp === undefined || !watch.renderer.out.frame.peek()) return undefined;
      small.imageSmoothingQuality = "high";
      small.drawImage(canvas, 0, 0, 32, 18);
      const { data } = small.getImageData(0, 0, 32, 18);
      const luma = [];
      for (let at = 0; at < data.length; at += 4) {
        luma.push(Math.round(0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2]));
      }
      return { timestamp, luma, width: canvas.width, height: canvas.height };
    },

    // The loudest frequency of what the package hands to the speakers, and how loud it is.
    tone() {
      const root = watch.audio.out.root.peek();
      if (!root || root.context.state !== "running") return undefined;
      if (analyser?.context !== root.context) {
        analyser = new AnalyserNode(root.context, { fftSize: 8192, smoothingTimeConstant: 0 });
        root.connect(analyser);
      }
      const levels = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(levels);
      const loudest = levels.indexOf(Math.max(...levels));
      return { hertz: (loudest * root.context.sampleRate) / analyser.fftSize, decibels: levels[loudest] };
    },
  };
})();
