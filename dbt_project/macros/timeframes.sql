{#- Length of a bar in milliseconds, from the name of its timeframe. An unknown name gives 0, which the tests of the
    marts refuse: a row would be known at its own open time. -#}
{% macro timeframe_ms(timeframe='timeframe') -%}
  {%- set minutes = {
      '1m': 1, '3m': 3, '5m': 5, '15m': 15, '30m': 30, '1h': 60, '2h': 120, '4h': 240, '6h': 360, '8h': 480,
      '12h': 720, '1d': 1440, '1w': 10080,
  } -%}
  cast(transform(
    toString({{ timeframe }}),
    [{% for name in minutes %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}],
    [{% for length in minutes.values() %}{{ length * 60000 }}{{ ', ' if not loop.last }}{% endfor %}],
    0
  ) as Int64)
{%- endmacro %}

{#- Instant at which what a bar says became known: its close. -#}
{% macro known_at(ts='ts', timeframe='timeframe') -%}
  addMilliseconds({{ ts }}, {{ timeframe_ms(timeframe) }})
{%- endmacro %}

{#- Simulated bars are stored under an exchange name of their own, so that they can never pass for real ones. -#}
{% macro is_simulated(exchange='exchange') -%}
  cast({{ exchange }} = 'sim' as Bool)
{%- endmacro %}
