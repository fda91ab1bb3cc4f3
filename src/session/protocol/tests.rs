use super::*;
use crate::privacy::StaffId;
use proptest::prelude::*;

fn decoded<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<Body<T>, ProtocolError> {
    let (kind, length) = decode_header(bytes[..HEADER_BYTES].try_into().unwrap())?;
    assert_eq!(length, bytes.len() - HEADER_BYTES);
    decode_body(kind, &bytes[HEADER_BYTES..])
}

#[test]
fn messages_and_previews_come_back_as_they_were_sent() {
    for message in [
        ClientMessage::Hello(Hello::of(ClientRole::Sync)),
        ClientMessage::Start,
        ClientMessage::Consent {
            session: SessionId::from_random(&[9; SessionId::CHARACTERS]),
            given: false,
            text: ConsentText::own(false),
        },
        ClientMessage::Staff(StaffOrder::Add { label: "counter 2".to_owned() }),
        ClientMessage::Clock(ClockOrder::Show),
        ClientMessage::Clock(ClockOrder::Reset),
        ClientMessage::Staff(StaffOrder::Remove { id: StaffId::from_random(&[9; SessionId::CHARACTERS]) }),
        ClientMessage::Settle { delivery: 7, outcome: Settlement::Retry { after_ms: 9, why: "503".to_owned() } },
    ] {
        assert_eq!(decoded(&encode(&message).unwrap()), Ok(Body::Message(message)));
    }
    let prompt = EngineMessage::Prompt(Prompt::idle());
    assert_eq!(decoded(&encode(&prompt).unwrap()), Ok(Body::Message(prompt)));
    let picture = Rgb::filled(3, 2, [1, 2, 3]);
    assert_eq!(decoded::<EngineMessage>(&encode_preview(&picture).unwrap()), Ok(Body::Preview(picture)));
}

#[test]
fn an_answer_about_the_staff_comes_back_whole_and_prints_no_code() {
    let member = StaffSummary {
        id: StaffId::from_random(&[9; SessionId::CHARACTERS]),
        label: "counter 2".to_owned(),
        created: 1,
        removed: None,
        last_used: Some(2),
    };
    let answer = EngineMessage::Staff(StaffAnswer { staff: vec![member], code: Some("1234 5678".to_owned()) });
    assert_eq!(decoded(&encode(&answer).unwrap()), Ok(Body::Message(answer.clone())));
    let printed = format!("{answer:?}");
    assert!(printed.contains("counter 2") && !printed.contains("1234"), "{printed}");
}

#[test]
fn a_name_of_the_staff_that_is_none_is_no_message() {
    let order = serde_json::json!({"ask": "staff", "order": "remove", "id": "stf_'; DROP TABLE staff"});
    assert_eq!(decoded::<ClientMessage>(&encode(&order).unwrap()), Err(ProtocolError::Form));
}

#[test]
fn a_message_that_is_too_long_is_refused_by_its_header() {
    assert_eq!(decode_header([0x7f, 0, 0, 0, KIND_JSON]), Err(ProtocolError::Length(0x7f00_0000)));
    assert_eq!(decode_header([0, 0, 0, 0, KIND_JSON]), Err(ProtocolError::Length(0)));
    assert_eq!(decode_header([0, 0, 0, 9, 77]), Err(ProtocolError::Kind(77)));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_without_a_panic(header: [u8; 5], body: Vec<u8>) {
        if let Ok((kind, _)) = decode_header(header) {
            let _ = decode_body::<ClientMessage>(kind, &body);
        }
    }
}
