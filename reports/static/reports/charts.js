// Draws the charts: from the numbers and texts that the server has laid out to what ECharts wants. No number is
// written here: all labels come from the server, so that a chart, its table and its files say the same.
"use strict";

(() => {
  const NARROW = 640; // pixels: below it a key stands above the drawing instead of labels beside it
  const LABELS = [80, 220]; // pixels beside the drawing, at the least and at the most
  const LINE = 16; // pixels between two of them
  const TIGHT = 48; // pixels of a bar that stands, below which its name is small
  const AROUND = 56; // pixels above and below the drawing
  const dark = () => document.documentElement.classList.contains("dark");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hue = (number) => colour(`--tally-hue-${number}`);
  const plain = () => ({ text: colour("--tally-strong"), quiet: colour("--tally-quiet"), line: colour("--tally-line"), paper: colour("--tally-paper") });

  const element = (tag, text = "", names = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = names;
    return made;
  };

  const swatch = (number) => element("span", "", `tally-swatch tally-hue-${number}`);

  const shade = (each) => (each.beside ? "beside" : each.hue);

  // What is not over yet is hatched: bars in the colour of the paper, the ground of lines in that of the grid.
  const hatch = (paper) => ({ symbol: "rect", color: paper, dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4 });
  const hatchedGround = (line) => ({
    svgElement: { tag: "path", key: "hatch", attrs: { d: "M-2 2L2-2M0 8L8 0M6 10L10 6", stroke: line, "stroke-width": 2 }, children: [] },
    svgWidth: 8,
    svgHeight: 8,
  });

  const FONT = 12; // pixels, of all labels
  const ruler = document.createElement("canvas").getContext("2d");
  const wide = (texts) => {
    ruler.font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
    return Math.max(0, ...texts.map((text) => ruler.measureText(text).width));
  };

  const valueAxis = (spec, look, every = 1) => {
    const step = spec.ticks.length > 1 ? spec.ticks[1][0] : 1;
    return {
      type: "value",
      min: 0,
      max: spec.ticks.at(-1)[0],
      interval: step,
      axisLabel: { color: look.quiet, formatter: (value) => (Math.round(value / step) % every ? "" : spec.ticks[Math.round(value / step)]?.[1] ?? "") },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: look.line } },
    };
  };

  const hover = (title, below, rows) => {
    const box = element("div", "", "tally-hover");
    box.append(element("strong", title));
    for (const [number, name, text] of rows) {
      box.append(swatch(number), element("span", name), element("b", text));
    }
    if (below) {
      box.append(element("small", below));
    }
    return box;
  };

  const tooltip = (look) => ({
    confine: true,
    transitionDuration: 0,
    backgroundColor: look.paper,
    borderColor: look.line,
    textStyle: { color: look.text, fontFamily: "inherit", fontSize: 13 },
  });

  // --- Over time ---------------------------------------------------------------------------------

  const middle = (bucket) => (bucket.since + bucket.until) / 2;

  // Where the name of each series stands: beside the last bucket that is over, of what has nothing there (what is
  // expected of days to come) beside its own last.
  const labelled = (spec, stacked) => {
    const lastOf = (series) => {
      const has = (place) => series.some((each) => each.values[place]);
      const over = spec.buckets.findLastIndex((bucket, place) => !bucket.running && has(place));
      return over < 0 ? spec.buckets.findLastIndex((_, place) => has(place)) : over;
    };
    const last = lastOf(spec.series.filter((each) => !each.beside));
    let below = 0;
    return spec.series.map((each) => ({ ...each, value: each.values[last] ?? each.values[lastOf([each])] })).filter((each) => each.value != null).map((each) => {
      const at = stacked && !each.beside ? below + each.value / 2 : each.value;
      below += stacked && !each.beside ? each.value : 0;
      return { ...each, at };
    });
  };

  // Apart by the height of a line, from below, and back down where they would leave the drawing.
  const apart = (found, gap, most) => {
    const sorted = found.toSorted((one, other) => one.at - other.at);
    sorted.forEach((each, place) => { each.at = place ? Math.max(each.at, sorted[place - 1].at + gap) : each.at; });
    let limit = most;
    for (const each of sorted.toReversed()) {
      each.at = Math.min(each.at, limit);
      limit = each.at - gap;
    }
    return sorted;
  };

  const labels = (spec, stacked, look, height, room) => ({
    type: "scatter",
    symbolSize: 0.1,
    silent: true,
    clip: false,
    tooltip: { show: false },
    itemStyle: { color: "transparent", opacity: 1 },
    data: apart(labelled(spec, stacked), (LINE * spec.ticks.at(-1)[0]) / (height - AROUND), spec.ticks.at(-1)[0]).map((each) => ({
      value: [spec.until, each.at],
      label: {
        show: true,
        position: "right",
        distance: 8,
        width: room - 16,
        overflow: "truncate",
        color: look.text,
        fontSize: 12,
        formatter: `{swatch|} ${each.name.replace(/[{}|]/g, " ")}`,
        rich: { swatch: { width: 10, height: 10, borderRadius: 2, backgroundColor: each.beside ? look.text : hue(each.hue) } },
      },
    })),
  });

  // The times that are written at the axis: each, or as many as have room, evenly.
  const ticked = (spec, across) => {
    const between = Math.min(...spec.times.slice(1).map(([at], place) => at - spec.times[place][0]));
    const each = (between / (spec.until - spec.since)) * across;
    const every = Math.ceil((wide(spec.times.map(([, text]) => text)) + 12) / each) || 1;
    return spec.times.filter((_, place) => place % every === 0).map(([at]) => at);
  };

  const overTime = (spec, width, height) => {
    const look = plain();
    const names = new Map(spec.times);
    const isStacked = spec.draw !== "lines";
    const isWide = width >= NARROW && spec.series.length > 1;
    const room = isWide ? Math.min(Math.max(LABELS[0], wide(spec.series.map((each) => each.name)) + 32), LABELS[1]) : 12;
    const top = spec.ticks.at(-1)[0];
    const shown = ticked(spec, width - room - wide(spec.ticks.map(([, text]) => text)));
    const isBar = (each) => spec.draw === "bars" && !each.beside;
    const hasEdge = spec.series.length > 1 && spec.buckets.length <= 100;
    const running = spec.buckets.find((bucket) => bucket.running);
    const series = spec.series.map((each) => ({
      name: each.name,
      type: isBar(each) ? "bar" : "line",
      stack: isStacked && !each.beside ? "all" : undefined,
      color: each.beside ? look.text : hue(each.hue),
      barCategoryGap: spec.buckets.length > 60 ? "10%" : "20%",
      barMaxWidth: 96,
      cursor: "pointer",
      symbol: spec.buckets.length > 1 ? "none" : "circle",
      connectNulls: false,
      lineStyle: { width: each.beside ? 1.5 : 2, type: each.beside ? "dashed" : "solid" },
      areaStyle: spec.draw === "areas" && !each.beside ? { opacity: 0.75 } : undefined,
      itemStyle: isBar(each) ? { borderColor: look.paper, borderWidth: hasEdge ? 0.5 : 0 } : {},
      z: each.beside ? 4 : 2,
      data: each.values.map((value, place) => {
        const bucket = spec.buckets[place];
        if (!isBar(each)) {
          // A line ends where the last bucket that is over does: joined to the running one it would seem to fall.
          return { value: [middle(bucket), bucket.running && !each.beside ? null : value] };
        }
        // Nothing has no bar, not even its edge.
        const point = { value: [middle(bucket), value || null] };
        // Of hardly anything the edge would be all, and hide the axis.
        const isFlat = (value / top) * (height - AROUND) < 1;
        return { ...point, itemStyle: { ...(bucket.running ? { decal: hatch(look.paper) } : {}), ...(isFlat ? { borderWidth: 0 } : {}) } };
      }),
    }));
    if (running && spec.draw === "lines") {
      const place = spec.buckets.indexOf(running);
      series.push(...spec.series.filter((each) => !each.beside && each.values[place] != null).map((each) => ({
        name: each.name,
        type: "scatter",
        symbol: "emptyCircle",
        symbolSize: 8,
        silent: true,
        color: hue(each.hue),
        data: [[middle(running), each.values[place]]],
      })));
    }
    if (running && spec.draw !== "bars" && series.length) {
      series[0].markArea = {
        silent: true,
        itemStyle: { color: hatchedGround(look.line) },
        data: [[{ xAxis: running.since }, { xAxis: running.until }]],
      };
    }
    return {
      grid: { left: 4, right: room, top: 30, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "time",
        min: spec.since,
        max: spec.until,
        containShape: false,
        axisLine: { lineStyle: { color: look.quiet } },
        axisTick: { show: true, customValues: spec.times.map(([at]) => at) },
        axisLabel: { color: look.quiet, customValues: shown, formatter: (at) => names.get(at) ?? "" },
        splitLine: { show: false },
      },
      yAxis: { ...valueAxis(spec, look), name: spec.unit, nameTextStyle: { color: look.quiet, align: "left" }, nameGap: 12 },
      tooltip: {
        ...tooltip(look),
        trigger: "axis",
        axisPointer: { type: "line", lineStyle: { color: look.quiet } },
        formatter: (found) => {
          const at = [found].flat()[0].axisValue;
          const place = spec.buckets.findIndex((bucket) => bucket.since <= at && at < bucket.until);
          const bucket = spec.buckets[place];
          if (!bucket) {
            return "";
          }
          const rows = spec.series.filter((each) => each.values[place] != null).map((each) => [shade(each), each.name, each.texts[place]]);
          const order = isStacked ? rows.reverse() : rows;
          return hover(bucket.label + (bucket.running ? ", not over yet" : ""), `from ${bucket.utc}`, order);
        },
      },
      series: isWide ? [...series, labels(spec, isStacked, look, height, room)] : series,
    };
  };

  // --- By name -----------------------------------------------------------------------------------

  // Whether the mark of what a bar is compared with stands beyond it, where its text would be.
  const isMarked = (bar) => bar.before != null && bar.before > bar.value;

  // Pixels to the right of the grid so that the text behind each bar fits, of a longer bar more.
  const besides = (spec, width) => {
    const most = spec.ticks.at(-1)[0];
    const wanted = spec.bars.filter((bar) => bar.value).map((bar) => {
      const part = Math.max(bar.value, isMarked(bar) ? bar.before : 0) / most;
      return (wide([bar.label]) + 16 - (1 - part) * width) / part;
    });
    return Math.min(Math.max(12, ...wanted), width * 0.6);
  };

  const byName = (spec, width) => {
    const look = plain();
    const lies = spec.kind === "bars";
    // What is written beside the bars has its room; where a window is narrow, names are cut for it.
    const room = Math.min(wide(spec.bars.map((bar) => bar.name)) + 4, width * 0.32, 220);
    const beside = lies ? besides(spec, width - room - 16) : 12;
    const across = width - beside - room - 16 - (lies ? wide([spec.ticks.at(-1)[1]]) / 2 : 0);
    const every = lies ? Math.ceil((wide(spec.ticks.map(([, text]) => text)) + 12) / (across / (spec.ticks.length - 1))) : 1;
    const few = spec.bars.length <= 12;
    const each = (width - 50) / spec.bars.length; // pixels of a bar that stands
    const names = {
      type: "category",
      // A number keeps its unit where there is room for both.
      data: spec.bars.map((bar) => (each < TIGHT ? bar.name : bar.name.replace(/(\d) (?=(?:s|min|h|d|%)(?!\p{L}))/gu, "$1\u00a0"))),
      inverse: lies,
      axisLine: { lineStyle: { color: look.quiet } },
      axisTick: { show: false },
      axisLabel: {
        color: look.text,
        hideOverlap: !lies && !few,
        interval: lies || few ? 0 : "auto",
        ...(lies ? { width: room, overflow: "truncate" } : few ? { width: each - 4, overflow: "break", lineHeight: 14, fontSize: each < TIGHT ? 10 : FONT } : {}),
      },
    };
    const pair = (place, value) => (lies ? [value, place] : [place, value]);
    const values = { ...valueAxis(spec, look, every), ...(lies ? {} : { name: spec.unit, nameTextStyle: { color: look.quiet, align: "left" }, nameGap: 12 }) };
    const series = [{
      type: "bar",
      cursor: "pointer",
      barMaxWidth: lies ? 26 : 96,
      barCategoryGap: lies ? "30%" : "4%",
      label: { show: lies || few, position: lies ? "right" : "top", color: look.text, formatter: ({ dataIndex }) => spec.bars[dataIndex].label },
      data: spec.bars.map((bar, place) => ({
        value: pair(place, bar.value),
        itemStyle: { color: hue(bar.hue) },
        ...(lies && isMarked(bar) ? { label: { offset: [((bar.before - bar.value) / spec.ticks.at(-1)[0]) * across + 3, 0] } } : {}),
      })),
    }];
    if (spec.bars.some((bar) => bar.before != null)) {
      series.push({
        type: "scatter",
        silent: true,
        symbol: "rect",
        symbolSize: lies ? [3, 22] : [22, 3],
        itemStyle: { color: look.text },
        z: 4,
        data: spec.bars.map((bar, place) => pair(place, bar.before)),
      });
    }
    return {
      grid: { left: 4, right: beside, top: lies ? 4 : 30, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: lies ? { ...values, splitNumber: 4 } : names,
      yAxis: lies ? names : values,
      tooltip: {
        ...tooltip(look),
        trigger: "item",
        formatter: ({ dataIndex }) => hover(spec.bars[dataIndex].name, "", [[spec.bars[dataIndex].hue, spec.unit, spec.bars[dataIndex].text]]),
      },
      series,
    };
  };

  // --- A drawing and what happens to it ----------------------------------------------------------

  const DRAWN = { time: overTime, bars: byName, histogram: byName };

  const option = (spec, width, height) => ({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    // The element has its own label; decals are set bar by bar.
    aria: { enabled: true, label: { enabled: false }, decal: { show: true, decals: { symbol: "none" } } },
    ...DRAWN[spec.kind](spec, width, height),
  });

  const goTo = (href, narrow) => {
    if (href || narrow) {
      const url = new URL(href || location.href, location.href);
      if (narrow) {
        url.searchParams.set(...narrow);
      }
      location.assign(url);
    }
  };

  const key = (spec) => {
    const made = element("p", "", "tally-key");
    made.setAttribute("aria-hidden", "true"); // the table says it
    for (const each of spec.series) {
      const name = element("span");
      const mark = swatch(shade(each));
      // What has nothing but in a bucket that runs is hatched in the drawing.
      mark.classList.toggle("tally-swatch-to-come", spec.draw === "bars" && spec.buckets.every((bucket, place) => bucket.running === (each.values[place] != null)));
      name.append(mark, each.name);
      made.append(name);
    }
    return made;
  };

  const drawings = new Map();

  const draw = (place) => {
    const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const chart = echarts.init(place, null, { renderer: "svg" });
    const show = () => {
      chart.resize();
      chart.setOption(option(spec, place.clientWidth, place.clientHeight), true);
      const before = place.previousElementSibling;
      const needsKey = spec.kind === "time" && spec.series.length > 1 && place.clientWidth < NARROW;
      if (before?.matches(".tally-key") !== needsKey) {
        if (needsKey) {
          place.before(key(spec));
        } else if (before?.matches(".tally-key")) {
          before.remove();
        }
      }
    };
    show();
    chart.on("click", ({ seriesIndex, dataIndex }) => {
      if (spec.kind === "time") {
        goTo(spec.buckets[dataIndex]?.href, spec.series[seriesIndex]?.narrow);
      } else {
        goTo(spec.bars[dataIndex].href);
      }
    });
    chart.getZr().on("click", (click) => {
      // Beside the bars of a bucket, or anywhere near a line.
      const at = !click.target && spec.kind === "time" && chart.containPixel("grid", [click.offsetX, click.offsetY]);
      if (at) {
        const [time] = chart.convertFromPixel("grid", [click.offsetX, click.offsetY]);
        goTo(spec.buckets.find((bucket) => bucket.since <= time && time < bucket.until)?.href);
      }
    });
    let width = place.clientWidth;
    const watch = new ResizeObserver(() => {
      if (place.clientWidth !== width) {
        width = place.clientWidth;
        show();
      }
    });
    watch.observe(place);
    drawings.set(place, { chart, show, watch });
  };

  // ECharts is large: it is loaded once there is something to draw.
  let loading = null;
  const library = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.getElementById("report").dataset.library;
      script.onload = resolve;
      script.onerror = () => { loading = null; reject(new Error("ECharts can't be loaded")); };
      document.head.append(script);
    });
    return loading;
  };

  const drawAll = async () => {
    for (const [place, { chart, watch }] of drawings) {
      if (!place.isConnected) {
        watch.disconnect();
        chart.dispose();
        drawings.delete(place);
      }
    }
    const places = [...document.querySelectorAll("[data-chart]")];
    if (!places.length) {
      return;
    }
    try {
      await library();
    } catch {
      // The tables have the numbers.
      document.querySelectorAll(".tally-twin").forEach((twin) => { twin.open = true; });
      places.forEach((place) => { place.hidden = true; });
      return;
    }
    for (const place of places) {
      if (place.isConnected && !drawings.has(place)) {
        draw(place);
      }
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    let wasDark = dark();
    drawAll();
    document.getElementById("report").addEventListener("tally:fresh", drawAll);
    new MutationObserver(() => {
      if (dark() !== wasDark) {
        wasDark = dark();
        drawings.forEach(({ show }) => show());
      }
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    window.addEventListener("beforeprint", () => drawings.forEach(({ show }) => show()));
  });
})();
