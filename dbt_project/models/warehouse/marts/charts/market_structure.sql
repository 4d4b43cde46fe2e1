{{ config(order_by=['exchange', 'symbol', 'timeframe', 'scale']) }}

-- Where every market stands now, on each pivot scale: the last word of the log of structure events.
with events as (

    select
        *,
        kind in ('bos', 'choch') as is_break,
        -- Order of the log within a bar: pivot, equal level, up-break, down-break.
        (ts, multiIf(kind in ('swing_high', 'swing_low'), 0, kind in ('eqh', 'eql'), 1, direction > 0, 2, 3)) as position
    from {{ ref('stg_market__structure_events') }}

),

states as (

    select
        exchange,
        symbol,
        timeframe,
        scale,
        max(ts) as last_event_ts,
        max(known_at) as last_event_known_at,
        argMax(bias, position) as bias,
        {% for side in ['high', 'low'] -%}
        {%- set is_side = "kind = 'swing_" ~ side ~ "'" -%}
        argMaxOrNullIf(level, position, {{ is_side }}) as last_{{ side }},
        toLowCardinality(argMaxOrNullIf(label, position, {{ is_side }})) as last_{{ side }}_label,
        argMaxOrNullIf(origin_ts, position, {{ is_side }}) as last_{{ side }}_origin_ts,
        maxOrNullIf(known_at, {{ is_side }}) as last_{{ side }}_known_at,
        {% endfor -%}
        toLowCardinality(argMaxOrNullIf(kind, position, is_break)) as last_break,
        argMaxOrNullIf(direction, position, is_break) as last_break_direction,
        argMaxOrNullIf(level, position, is_break) as last_break_level,
        maxOrNullIf(ts, is_break) as last_break_ts,
        maxOrNullIf(known_at, is_break) as last_break_known_at,
        countIf(kind = 'swing_high') as swing_highs,
        countIf(kind = 'swing_low') as swing_lows,
        countIf(kind = 'bos' and direction > 0) as bos_up,
        countIf(kind = 'bos' and direction < 0) as bos_down,
        countIf(kind = 'choch' and direction > 0) as choch_up,
        countIf(kind = 'choch' and direction < 0) as choch_down,
        countIf(kind = 'eqh') as equal_highs,
        countIf(kind = 'eql') as equal_lows
    from events
    group by exchange, symbol, timeframe, scale

),

-- The dealing range belongs to the swing scale and is written with the indicators, bar by bar.
ranges as (

    select
        exchange,
        symbol,
        timeframe,
        max(ts) as last_bar_ts,
        max(known_at) as as_of,
        argMax(tuple(range_top), ts).1 as range_top,
        argMax(tuple(range_bottom), ts).1 as range_bottom,
        argMax(tuple(range_position), ts).1 as range_position
    from {{ ref('stg_market__indicators') }}
    group by exchange, symbol, timeframe

)

select
    states.exchange as exchange,
    states.symbol as symbol,
    states.timeframe as timeframe,
    states.scale as scale,
    ranges.last_bar_ts as last_bar_ts,
    ranges.as_of as as_of,
    states.bias as bias,
    {% for side in ['high', 'low'] -%}
    states.last_{{ side }} as last_{{ side }},
    states.last_{{ side }}_label as last_{{ side }}_label,
    states.last_{{ side }}_origin_ts as last_{{ side }}_origin_ts,
    states.last_{{ side }}_known_at as last_{{ side }}_known_at,
    {% endfor -%}
    states.last_break as last_break,
    states.last_break_direction as last_break_direction,
    states.last_break_level as last_break_level,
    states.last_break_ts as last_break_ts,
    states.last_break_known_at as last_break_known_at,
    {% for count in ['swing_highs', 'swing_lows', 'bos_up', 'bos_down', 'choch_up', 'choch_down', 'equal_highs',
                     'equal_lows'] -%}
    states.{{ count }} as {{ count }},
    {% endfor -%}
    states.last_event_ts as last_event_ts,
    states.last_event_known_at as last_event_known_at,
    if(states.scale = 'swing', ranges.range_top, null) as range_top,
    if(states.scale = 'swing', ranges.range_bottom, null) as range_bottom,
    if(states.scale = 'swing', ranges.range_position, null) as range_position,
    toLowCardinality(multiIf(
        states.scale != 'swing' or isNull(ranges.range_position), null,
        ranges.range_position > 0.5, 'premium',
        ranges.range_position < 0.5, 'discount',
        'equilibrium'
    )) as range_side,
    {{ is_simulated('states.exchange') }} as simulated
from states
inner join ranges
    on ranges.exchange = states.exchange
    and ranges.symbol = states.symbol
    and ranges.timeframe = states.timeframe
