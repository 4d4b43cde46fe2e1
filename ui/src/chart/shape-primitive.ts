import type {
  IPrimitivePaneRenderer,
  ISeriesApi,
  ISeriesPrimitive,
  ITimeScaleApi,
  Logical,
  PrimitivePaneViewZOrder,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import { faded, type Palette } from "./palette";
import { type Box, isBetween, type Line, type Mark, type Shape } from "./shapes";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

const FONT = '11px "Inter Variable", system-ui, sans-serif';
const DASHES: Record<Line["dash"], number[]> = { solid: [], dashed: [5, 4], dotted: [1.5, 3] };
const LABEL_FROM_PX = 34;

/** Where things are on the canvas at this moment. */
interface Place {
  context: CanvasRenderingContext2D;
  width: number;
  spacing: number;
  x: (at: number) => number;
  y: (price: number) => number;
}

/** Draws shapes on a series. Only what is in sight is worked on, so that a frame costs the same with a long history. */
export class ShapePrimitive implements ISeriesPrimitive<Time> {
  private shapes: readonly Shape[] = [];
  private palette: Palette | undefined;
  private series: ISeriesApi<"Candlestick"> | undefined;
  private scale: ITimeScaleApi<Time> | undefined;
  private redraw: (() => void) | undefined;
  private readonly views;

  constructor(order: PrimitivePaneViewZOrder) {
    const draw = (target: Target) => this.draw(target);
    const view = { zOrder: () => order, renderer: () => ({ draw }) };
    this.views = [view];
  }

  attached(chart: SeriesAttachedParameter<Time>): void {
    this.series = chart.series as ISeriesApi<"Candlestick">;
    this.scale = chart.chart.timeScale();
    this.redraw = chart.requestUpdate;
  }

  detached(): void {
    this.series = this.scale = this.redraw = undefined;
  }

  paneViews() {
    return this.views;
  }

  show(shapes: readonly Shape[], palette: Palette): void {
    this.shapes = shapes;
    this.palette = palette;
    this.redraw?.();
  }

  private draw(target: Target): void {
    const { series, scale, palette } = this;
    const range = scale?.getVisibleLogicalRange();
    if (!series || !scale || !palette || !range) return;
    const first = Math.floor(range.from) - 1;
    const last = Math.ceil(range.to) + 1;
    const start = scale.logicalToCoordinate(first as Logical);
    const next = scale.logicalToCoordinate((first + 1) as Logical);
    if (start === null || next === null) return;
    const spacing = next - start;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const place: Place = {
        context,
        width: mediaSize.width,
        spacing,
        x: (at) => Math.min(mediaSize.width + 40, Math.max(-40, start + (at - first) * spacing)),
        y: (price) => series.priceToCoordinate(price) ?? Number.NaN,
      };
      context.font = FONT;
      for (const shape of this.shapes) {
        if (!isBetween(shape, first, last)) continue;
        const colour = palette.tones[shape.tone];
        if (shape.kind === "box") drawBox(place, shape, colour);
        else if (shape.kind === "line") drawLine(place, shape, colour, palette.background);
        else if (spacing >= shape.fromSpacing) drawMark(place, shape, colour, palette.background);
      }
    });
  }
}

function drawBox({ context, x, y, width: pane }: Place, box: Box, colour: string): void {
  const [left, right, top, bottom] = [x(box.from), x(box.to), y(box.top), y(box.bottom)];
  const width = Math.max(1, right - left);
  const height = Math.max(1, bottom - top);
  context.fillStyle = faded(colour, box.fill);
  context.fillRect(left, top, width, height);
  if (box.border !== "none") {
    context.setLineDash(DASHES[box.border]);
    context.strokeStyle = faded(colour, Math.min(1, box.fill * 3.5));
    context.lineWidth = 1;
    context.strokeRect(
      Math.round(left) + 0.5,
      Math.round(top) + 0.5,
      Math.round(width),
      Math.max(1, Math.round(height)),
    );
    context.setLineDash([]);
  }
  const seen = Math.min(right, pane) - Math.max(left, 0);
  if (box.label && seen > LABEL_FROM_PX && height > 9) {
    context.fillStyle = colour;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(box.label, Math.max(left, 0) + 4, top + height / 2 + 0.5);
  }
}

function drawLine({ context, x, y, width }: Place, line: Line, colour: string, behind: string): void {
  const left = x(line.from);
  const right = Math.min(x(line.to), width);
  const at = Math.round(y(line.price)) + 0.5;
  context.strokeStyle = line.faint ? faded(colour, 0.4) : colour;
  context.lineWidth = line.width;
  context.setLineDash(DASHES[line.dash]);
  context.beginPath();
  context.moveTo(left, at);
  context.lineTo(right, at);
  context.stroke();
  context.setLineDash([]);
  if (line.label && right - left > LABEL_FROM_PX) {
    const place = line.labelAt ?? "middle";
    context.textAlign = place === "start" ? "left" : place === "end" ? "right" : "center";
    const middle = place === "start" ? left + 2 : place === "end" ? right - 3 : (Math.max(left, 0) + right) / 2;
    write(context, line.label, middle, line.side === "below" ? at + 8 : at - 7, colour, behind);
  }
}

function drawMark({ context, x, y }: Place, mark: Mark, colour: string, behind: string): void {
  const [at, price] = [x(mark.at), y(mark.price)];
  const away = mark.side === "above" ? -1 : 1;
  let gap = 9;
  if (mark.sign === "arrow") {
    const base = price + away * 15;
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(at, price + away * 5);
    context.lineTo(at - 5.5, base);
    context.lineTo(at + 5.5, base);
    context.closePath();
    context.fill();
    gap = 24;
  } else if (mark.sign === "cross") {
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(at - 3, price - 3);
    context.lineTo(at + 3, price + 3);
    context.moveTo(at - 3, price + 3);
    context.lineTo(at + 3, price - 3);
    context.stroke();
    gap = 12;
  }
  context.textAlign = "center";
  write(context, mark.text, at, price + away * gap, colour, behind);
}

/** Text with a rim of the background, so that it can be read on candles. */
function write(context: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string, behind: string) {
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = behind;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
