"""What invented people say and buy, in their own language."""

from __future__ import annotations

#: What a customer writes.
INBOUND = {
    "pt": ("Olá, ainda tem em azul?", "Qual o valor do frete?", "Vocês parcelam?", "Posso passar na loja amanhã?"),
    "es": ("Hola, ¿todavía lo tienen?", "¿Cuánto sale el envío?", "¿Aceptan cuotas?", "¿Puedo pasar mañana?"),
}
#: What a consultant writes.
OUTBOUND = {
    "pt": ("Tem sim, reservo para você?", "Entregamos em três dias.", "Em até dez vezes sem juros."),
    "es": ("Sí, ¿se lo reservo?", "Entregamos en tres días.", "Hasta en diez cuotas sin interés."),
}
#: What a bot or an integration writes.
BOT = {
    "pt": "Recebemos a sua mensagem e já vamos atender.",
    "es": "Recibimos su mensaje y ya lo atendemos.",
}
NOTE = {"pt": "Prefere ser atendida à tarde.", "es": "Prefiere que la llamen por la tarde."}
QUESTION = {"pt": "Aceita troca?", "es": "¿Aceptan permuta?"}
AD = {"pt": "Anúncio de março", "es": "Anuncio de marzo"}
#: What is offered: (what, code, assembly).
GOODS = {"pt": ("Bicicleta aro 29", "BIKE-29", "Montagem"), "es": ("Bicicleta rodado 29", "BIKE-29", "Armado")}
